-- jobs: the queue of the worker (procrastinate 3.10.0, MIT). The tables are the library's own, made by the library's own
-- steps: each line "library: FILE SHA256" stands for that file of the installed package, which never changes once it
-- is released. A later version of the library comes as a later step here, which names the files that version added.
-- They belong to the admin: the worker reads and writes rows, it cannot change what the queue is.
CREATE SCHEMA jobs;
SET LOCAL search_path = jobs;
-- library: procrastinate/sql/migrations/00.00.00_01_initial.sql 6d7ba94c51af22f6cf437e01774a2de4d98666886f9c0597bfb24deb86546dfa
-- library: procrastinate/sql/migrations/00.05.00_01_drop_started_at_column.sql 8c36c1cbb9c2c2c4e29996d0839cfc0e674638dd59da73d22d5883a66c94a6d8
-- library: procrastinate/sql/migrations/00.05.00_02_drop_started_at_column.sql 62fab33b3996ef2bfab09a0502318c51cae1a186db58a2d803e1c341fcf6a149
-- library: procrastinate/sql/migrations/00.05.00_03_drop_procrastinate_version_table.sql e43a1e3cec48cf071140edce6828107b43ca6b7cfa8ae9dcd527a6fa99e40236
-- library: procrastinate/sql/migrations/00.06.00_01_fix_procrastinate_fetch_job.sql 4dac8738ebebc78b890b56db631018a3cd74089fc3a0e6004aaf7c6252779169
-- library: procrastinate/sql/migrations/00.07.01_01_fix_trigger_status_events_insert.sql e40c589ce32d0b3a0cc5d6b667da42f0fef066e51e6907fad196b1d8b83c9149
-- library: procrastinate/sql/migrations/00.08.01_01_add_queueing_lock_column.sql c8896579a44c9f258309f96c76b8c9415e1766dedfc4a8ca9158094438e6085b
-- library: procrastinate/sql/migrations/00.10.00_01_close_fetch_job_race_condition.sql 0be9e8dfa820f435482a2066fc68e6f44f92d7ca9a90226443c4be448de0fc32
-- library: procrastinate/sql/migrations/00.10.00_02_add_defer_job_function.sql f49362754442068426b66872cd7f15bb1a9610909a5e8539edbccce79a78c8e8
-- library: procrastinate/sql/migrations/00.11.00_03_add_procrastinate_periodic_defers.sql 9cf251e931e905ce31d4e5b8bebea220c035b255e3ec0046ba7659d2a6ee9cb6
-- library: procrastinate/sql/migrations/00.12.00_01_add_foreign_key_index.sql d4b44b60e1c79891a52145a9804d1f942cdfb6c8717d575ef2b3fec26b70224f
-- library: procrastinate/sql/migrations/00.14.00_01_add_locks_to_periodic_defer.sql 7150bc363db295dd7f7114ceab63ae7d52dfece3b91b1735546e64f7b22c1638
-- library: procrastinate/sql/migrations/00.15.02_01_fix_procrastinate_defer_periodic_job.sql cee1ba5828128ff062cd73a7505e5f5a827aea9d09131049cdde8ed32af767f1
-- library: procrastinate/sql/migrations/00.16.00_01_add_finish_job_and_retry_job_functions.sql adc143a05e5d53d4e32513cfe389a6201cc47a8169723f7135429109d8b41264
-- library: procrastinate/sql/migrations/00.17.00_01_add_trigger_on_job_deletion.sql a5c49223abe0566e2952013d16089ffc3b29c1238642341632a3e245f22f0b92
-- library: procrastinate/sql/migrations/00.17.00_02_delete_finished_jobs.sql d777d6c03fab2e590f6ac5144ac7401762bb2ba1c2b83504392638427e556242
-- library: procrastinate/sql/migrations/00.17.00_03_add_checks_to_finish_job.sql 989c1d0a968ebc0f7a33bebfcab41c0e41fcbf4629d6ed67e40d32d0a5b31201
-- library: procrastinate/sql/migrations/00.17.00_04_add_checks_to_retry_job.sql 588340629e015ef0fef21d702a64b3031fe449d9676474850ca4425dc63fcd87
-- library: procrastinate/sql/migrations/00.18.01_01_fix_finish_job_compat_issue.sql 046d1a97cbf2d9fbfbb0fb3a1dd6dc271f0267e55843566acc1cee86eab41288
-- library: procrastinate/sql/migrations/00.19.00_01_add_index_on_procrastinate_jobs.sql 3a424d244f9af480f581b493c5d93fea60b03540e369797294518f128c9e6360
-- library: procrastinate/sql/migrations/00.22.00_01_add_kwargs_to_defer_periodic_job.sql ba2e550f46f912b420aec63b46462ede8291b66552369df567dc0b36360eae3f
-- library: procrastinate/sql/migrations/00.23.00_01_null_locks_excluded.sql 24c853edc002f63535d87bbc7bba5093f4e26bc7844b504c0786242aea698c16
-- library: procrastinate/sql/migrations/01.00.00_01_remove_old_finish_job_function.sql 2665cd1782a2ecb93a7f95e7bf4867335886d31f26acc15fc97be7c8957ae323
-- library: procrastinate/sql/migrations/01.01.01_01_job_id_bigint.sql 223e3f20475bc76efe3e00509f9ba2d8610e27a77da72a5fcb7dbc4bec357a8b
-- library: procrastinate/sql/migrations/02.00.03_01_add_job_priority.sql 34aa498b770d1f6a1bdda291a45866dae7cc2cb509f19d8e0445788b91191142
-- library: procrastinate/sql/migrations/02.05.00_01_add_periodic_job_priority.sql 997a8b9d61c5c93752521f7dd52c87799752fe2e0396b3f636c413b23c778280
-- library: procrastinate/sql/migrations/02.06.00_01_add_cancel_states.sql 28e8be115842d81d29a0e818338dc319a24be044b469e30df6f535977a25a498
-- library: procrastinate/sql/migrations/02.08.00_01_add_additional_params_to_retry_job.sql d3c9d446a79ff2a9f3030db01772c33a4c4dd3898151598d05f1979ea4e76319
-- library: procrastinate/sql/migrations/02.14.01_01_add_indexes_for_fetch_job.sql 66c0fdc9ea24569f14d2b2ebaf9f8309858e66141dd271d9bf61ecf56c362ada
-- library: procrastinate/sql/migrations/03.00.00_01_pre_cancel_notification.sql e79f3dc19f80de6f6c54aec9deb4548989b68ae38061a55b6ee3144e313c1ecd
-- library: procrastinate/sql/migrations/03.00.00_50_post_cancel_notification.sql d16fba7d14d5c699ceb81fd67a450422bd4b8337b1934b4eb00aa5438eddfbdf
-- library: procrastinate/sql/migrations/03.01.00_01_pre_add_heartbeat.sql f07b98da98e470881e629478f85f142b2f28a659f1ab53e0da1dc7fe917834b8
-- library: procrastinate/sql/migrations/03.01.00_50_post_add_heartbeat.sql 562472e1ccfd262792a57dcd771f918dae87b0dc038e3832172b3f1ccce69dc0
-- library: procrastinate/sql/migrations/03.02.00_01_pre_batch_defer_jobs.sql 1f8f957339ff8a455bfd27bdbdbda41daca3b19931a032cd2d9356620af93951
-- library: procrastinate/sql/migrations/03.02.00_50_post_batch_defer_jobs.sql 8fc1d2c94a057eab36cb074f920f8fab17cb23f8ccee708a64ea52804222ac67
-- library: procrastinate/sql/migrations/03.03.00_01_pre_priority_lock_fetch_job.sql 70731b65ba99a63962fd1adc6e1c9b3bef6a480a091f3d41d32c50b7ddc31441
-- library: procrastinate/sql/migrations/03.04.00_01_pre_add_retry_failed_job_procedure.sql 6883b7336508620ba856db4a78558158fe15c8e68b2ea05c60b468e73c311255
-- library: procrastinate/sql/migrations/03.04.00_50_post_add_retry_failed_job_procedure.sql b7938e0a0885d8d00d3f55647bcf141c3f2acac439070c1287734fcb3d98947b
SET LOCAL search_path = pg_catalog;

GRANT USAGE ON SCHEMA jobs TO bienho_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA jobs TO bienho_worker;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA jobs TO bienho_worker;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO bienho_worker;

-- How far deliveries have been taken into a lake, and how fast the last batch went: what pages and doors ask without
-- opening the lake. The lake's journal is the truth; every session of the writer sets this right.
CREATE TABLE pipeline.progress (
    catalog       text             PRIMARY KEY,
    last_seq      bigint           NOT NULL,
    derived_seq   bigint           NOT NULL DEFAULT 0,
    batch_bytes   bigint           NOT NULL DEFAULT 0,
    batch_seconds double precision NOT NULL DEFAULT 0,
    changed_at    timestamptz      NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE pipeline.progress IS 'Receipt sequence up to which deliveries are in a lake, and in derived';

-- A batch that was begun and not ended: the process died on it. Kept before the attempt, gone after it. With `times` 0:
-- the other half of such a batch, not tried by itself yet.
CREATE TABLE pipeline.attempt (
    catalog    text        NOT NULL,
    first_seq  bigint      NOT NULL,
    last_seq   bigint      NOT NULL CHECK (last_seq >= first_seq),
    times      integer     NOT NULL CHECK (times >= 0),
    begun_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (catalog, first_seq)
);
COMMENT ON TABLE pipeline.attempt IS 'Batches begun and not ended, and how often';

ALTER TABLE pipeline.progress OWNER TO bienho_worker;
ALTER TABLE pipeline.attempt OWNER TO bienho_worker;

-- Pages show how the work stands; they enqueue nothing. No arguments of jobs, only what kind, when and how it ended.
CREATE VIEW jobs.standing AS
SELECT j.id, j.task_name AS task, j.status::text AS status, j.attempts, j.scheduled_at,
       (SELECT min(e.at) FROM jobs.procrastinate_events AS e WHERE e.job_id = j.id) AS asked_at,
       (SELECT max(e.at) FROM jobs.procrastinate_events AS e WHERE e.job_id = j.id AND e.type = 'started') AS started_at,
       (SELECT max(e.at) FROM jobs.procrastinate_events AS e
        WHERE e.job_id = j.id AND e.type IN ('succeeded', 'failed', 'aborted', 'cancelled')) AS ended_at
FROM jobs.procrastinate_jobs AS j;
GRANT USAGE ON SCHEMA jobs, pipeline TO bienho_web;
GRANT SELECT ON jobs.standing TO bienho_web, bienho_worker;
GRANT SELECT ON pipeline.progress TO bienho_web;
