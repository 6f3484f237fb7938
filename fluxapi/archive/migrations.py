"""The tables of the history, as the sequence of scripts that have made them.

A release appends scripts and never changes one, so a database of any earlier release can be
brought up to date. ``PRAGMA user_version`` is the number of scripts that a database has passed.
"""

from __future__ import annotations

import sqlite3

from fluxapi.errors import HistoryUnavailable
from fluxapi.process.transaction import transaction

__all__ = ["SCRIPTS", "migrate"]

SCRIPTS: tuple[str, ...] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value REAL) WITHOUT ROWID;

    -- One Flux instance. ``id`` outlives its restarts; ``path`` is its place in the tree; ``epoch``
    -- is the time from which its job IDs count (RFC 19), in milliseconds since 1970.
    CREATE TABLE instances (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        path TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        kind TEXT NOT NULL,
        hostname TEXT NOT NULL,
        version TEXT NOT NULL,
        owner INTEGER NOT NULL,
        size INTEGER NOT NULL,
        starttime REAL NOT NULL,
        last_seen REAL NOT NULL
    );

    -- One job that has ended: its record as JSON, and the fields that filters test. ``key`` is in
    -- the order of submission, see ``order.py``; it is the last column of every index.
    CREATE TABLE jobs (
        key INTEGER PRIMARY KEY,
        instance INTEGER NOT NULL,
        id INTEGER NOT NULL,
        t_submit REAL NOT NULL,
        t_run REAL NOT NULL,
        t_cleanup REAL NOT NULL,
        t_inactive REAL NOT NULL,
        result TEXT NOT NULL,
        userid INTEGER NOT NULL,
        name TEXT NOT NULL,
        queue TEXT NOT NULL,
        group_id TEXT NOT NULL,
        nodelist INTEGER NOT NULL,
        nnodes INTEGER NOT NULL,
        ncores INTEGER NOT NULL,
        purged REAL,
        record BLOB NOT NULL,
        UNIQUE (instance, id)
    );
    CREATE INDEX jobs_by_instance ON jobs (instance);
    CREATE INDEX jobs_by_end ON jobs (t_inactive);
    CREATE INDEX jobs_by_result ON jobs (instance, result);
    CREATE INDEX jobs_by_user ON jobs (instance, userid);
    CREATE INDEX jobs_by_name ON jobs (instance, name);
    CREATE INDEX jobs_by_queue ON jobs (instance, queue);
    CREATE INDEX jobs_by_group ON jobs (instance, group_id) WHERE group_id != '';
    CREATE INDEX jobs_by_nodelist ON jobs (instance, nodelist);

    -- The hosts of an allocation (RFC 29), which many jobs share.
    CREATE TABLE nodelists (key INTEGER PRIMARY KEY, hosts TEXT NOT NULL UNIQUE);

    -- Eventlog, jobspec and R of a job, compressed together. ``exact`` is false if the journal did
    -- not carry all of it, so that Flux is asked while it has the job.
    CREATE TABLE details (
        job INTEGER PRIMARY KEY REFERENCES jobs (key) ON DELETE CASCADE,
        exact INTEGER NOT NULL,
        data BLOB NOT NULL
    );
    CREATE INDEX details_inexact ON details (job) WHERE exact = 0;

    -- The words of a job for full-text search, under the key of the job; ``facts`` are its ID as
    -- F58, user, queue and result.
    CREATE VIRTUAL TABLE words USING fts5 (
        name, command, note, facts, tokenize = 'unicode61', prefix = '3'
    );
    """,
    """
    -- The ID of the root of the tree of instances that one is in; empty if it is not known.
    ALTER TABLE instances ADD COLUMN root TEXT NOT NULL DEFAULT '';
    CREATE INDEX instances_by_root ON instances (root);
    """,
    """
    -- The state of the output of a job (OutputState); 0: it was not read from Flux yet.
    ALTER TABLE jobs ADD COLUMN output INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX jobs_without_output ON jobs (instance) WHERE output = 0;

    -- The entries of outputs, compressed, and the sum of their sizes.
    CREATE TABLE outputs (
        job INTEGER PRIMARY KEY REFERENCES jobs (key) ON DELETE CASCADE,
        data BLOB NOT NULL
    );
    INSERT INTO meta VALUES ('output_bytes', 0);
    CREATE TRIGGER output_added AFTER INSERT ON outputs BEGIN
        UPDATE meta SET value = value + length(new.data) WHERE name = 'output_bytes';
    END;
    CREATE TRIGGER output_removed AFTER DELETE ON outputs BEGIN
        UPDATE meta SET value = value - length(old.data) WHERE name = 'output_bytes';
    END;
    """,
    """
    -- All that figures need of a job, so that they read this index and no record.
    DROP INDEX jobs_by_end;
    CREATE INDEX jobs_for_figures ON jobs (
        t_inactive, instance, result, t_submit, t_run, t_cleanup, userid, name, queue, nodelist,
        nnodes, ncores
    );

    -- The figures of an instance from ``time`` on, for ``seconds``; old ones are averages. Times
    -- that no row covers are not known, and neither is a figure that is NULL.
    CREATE TABLE samples (
        instance INTEGER NOT NULL,
        step INTEGER NOT NULL,
        time REAL NOT NULL,
        seconds REAL NOT NULL,
        pending REAL NOT NULL,
        running REAL NOT NULL,
        nodes REAL, nodes_up REAL, nodes_allocated REAL, nodes_drained REAL, nodes_down REAL,
        cores REAL, cores_up REAL, cores_allocated REAL,
        gpus REAL, gpus_up REAL, gpus_allocated REAL,
        PRIMARY KEY (instance, step, time)
    ) WITHOUT ROWID;
    """,
    """
    -- The jobs that Flux may still have, which a start and a lost journal compare with it.
    CREATE INDEX jobs_present ON jobs (instance, id) WHERE purged IS NULL;
    """,
    """
    -- Two filters that are often combined; each index is in the order of submission.
    CREATE INDEX jobs_by_user_and_result ON jobs (instance, userid, result);
    CREATE INDEX jobs_by_queue_and_result ON jobs (instance, queue, result);

    -- How many jobs share a value, for the choice of an index: as in a history of a million jobs,
    -- measured by ANALYZE. Fixed numbers keep the choice the same while a history grows.
    ANALYZE jobs;
    DELETE FROM sqlite_stat1;
    INSERT INTO sqlite_stat1 VALUES
        ('jobs', 'sqlite_autoindex_jobs_1', '1000000 1000000 1'),
        ('jobs', 'jobs_present', '1000000 1000000 1'),
        ('jobs', 'jobs_by_instance', '1000000 1000000'),
        ('jobs', 'jobs_by_result', '1000000 1000000 250000'),
        ('jobs', 'jobs_by_queue', '1000000 1000000 330000'),
        ('jobs', 'jobs_by_queue_and_result', '1000000 1000000 330000 83000'),
        ('jobs', 'jobs_by_user', '1000000 1000000 20000'),
        ('jobs', 'jobs_by_user_and_result', '1000000 1000000 20000 5000'),
        ('jobs', 'jobs_by_name', '1000000 1000000 2000'),
        ('jobs', 'jobs_by_nodelist', '1000000 1000000 1000'),
        ('jobs', 'jobs_for_figures', '1000000 1 1 1 1 1 1 1 1 1 1 1 1');
    """,
)


def migrate(database: sqlite3.Connection) -> None:
    """Bring *database*, which is in autocommit mode, up to the tables of this release.

    Raises:
        HistoryUnavailable: A later release has written it.
        sqlite3.Error: It is damaged, or cannot be changed.
    """
    while True:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version < 0:
            raise sqlite3.DatabaseError(f"the version of its tables is {version}")
        if version > len(SCRIPTS):
            raise HistoryUnavailable(
                "A later release of fluxapi has written the history; use that release, or name "
                "another state directory."
            )
        if version == len(SCRIPTS):
            return
        # Another service may migrate the same file; the lock is taken before the version counts.
        with transaction(database):
            (locked,) = database.execute("PRAGMA user_version").fetchone()
            if locked == version:
                for statement in _statements(SCRIPTS[version]):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {version + 1}")


def _statements(script: str) -> list[str]:
    """Return the statements of a script; ``executescript`` would commit before it starts."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
