-- Schemas, their owners, and who may look where. Login roles are made by database/roles.py before any migration,
-- because their passwords derive from the installation's key.

-- Nobody has rights by being nobody in particular.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO bienho_worker, bienho_web, bienho_governance, bienho_portal',
                 current_database());
  -- the worker loads batches through temporary tables
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO bienho_worker', current_database());
END
$$;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE bienho_worker REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE bienho_vault REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- lake: the catalog of the lake. The worker writes it; pages and questions only read it.
CREATE SCHEMA lake AUTHORIZATION bienho_worker;
GRANT USAGE ON SCHEMA lake TO bienho_web;
ALTER DEFAULT PRIVILEGES FOR ROLE bienho_worker IN SCHEMA lake GRANT SELECT ON TABLES TO bienho_web;

-- pipeline: queue and progress of the worker.
CREATE SCHEMA pipeline AUTHORIZATION bienho_worker;

-- vault: encrypted records. Its owner cannot log in, so no session ever holds an owner's rights.
CREATE SCHEMA vault AUTHORIZATION bienho_vault;

-- governance: accounts, decisions, audit; owned by the admin so that what is append-only stays so for its own role.
CREATE SCHEMA governance;
GRANT USAGE ON SCHEMA governance TO bienho_governance;

-- portal: Django's tables.
CREATE SCHEMA portal AUTHORIZATION bienho_portal;
