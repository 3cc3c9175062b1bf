-- One event put at the end of the chain, in one statement: false, and nothing written, when the head is no longer the
-- one its hash was made for. The writer then reads the head again; nobody holds a lock while a hash is computed.
CREATE FUNCTION governance.append_event(new_seq bigint, new_body text, previous bytea, new_hash bytea)
RETURNS boolean LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM FROM governance.audit_head WHERE seq = new_seq - 1 AND hash = previous FOR UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO governance.audit_event (seq, body, prev_hash, hash) VALUES (new_seq, new_body, previous, new_hash);
  UPDATE governance.audit_head SET seq = new_seq, hash = new_hash;
  RETURN true;
END
$$;
REVOKE EXECUTE ON FUNCTION governance.append_event FROM PUBLIC;
GRANT EXECUTE ON FUNCTION governance.append_event TO bienho_governance;
