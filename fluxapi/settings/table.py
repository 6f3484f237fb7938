"""The table of all settings."""

from __future__ import annotations

from . import parse
from .address import addresses
from .history import HISTORY
from .notices import NOTICES
from .setting import Setting

__all__ = ["TABLE"]

TABLE: tuple[Setting, ...] = (
    Setting("host", "--host", "HOST", "127.0.0.1", "address to listen on"),
    Setting(
        "port", "--port", "PORT", "5000", "port to listen on; 0 takes any free one", parse.port
    ),
    Setting(
        "listen",
        "--listen",
        "FLUXAPI_LISTEN",
        "",
        "addresses to listen on instead of host and port: HOST:PORT, [IPV6]:PORT, unix:PATH",
        addresses,
        many=True,
    ),
    Setting(
        "socket_mode",
        "--socket-mode",
        "FLUXAPI_SOCKET_MODE",
        "0600",
        "permissions of Unix sockets",
        parse.mode,
    ),
    Setting(
        "socket_group", "--socket-group", "FLUXAPI_SOCKET_GROUP", None, "group of Unix sockets"
    ),
    Setting(
        "tls_cert",
        "--tls-cert",
        "FLUXAPI_TLS_CERT",
        None,
        "certificate chain (PEM) for HTTPS on all TCP ports; read again on SIGHUP",
        parse.path,
    ),
    Setting(
        "tls_key", "--tls-key", "FLUXAPI_TLS_KEY", None, "key of the certificate (PEM)", parse.path
    ),
    Setting(
        "base_path",
        "--base-path",
        "FLUXAPI_BASE_PATH",
        "",
        "path prefix that a proxy does not strip, such as /flux; paths without it also work",
        parse.prefix,
    ),
    Setting(
        "trust_from",
        "--trust-from",
        "FLUXAPI_TRUST_FROM",
        "",
        "addresses and networks of proxies whose X-Forwarded headers are trusted, and the word "
        "unix; for links, those of this machine are always trusted",
        parse.peers,
        many=True,
    ),
    Setting(
        "frame_ancestors",
        "--allow-frame-ancestors",
        "FLUXAPI_ALLOW_FRAME_ANCESTORS",
        "",
        "origins whose pages may show the dashboard in a frame, such as https://lab.example.org; "
        "self for the host of the service, * for any",
        parse.frame_ancestors,
        many=True,
    ),
    Setting(
        "instance",
        "--instance",
        "FLUXAPI_INSTANCE",
        "auto",
        "flux: the broker at FLUX_URI; embedded: jobs on this machine; archive: the history in the "
        "state directory, read-only; auto: flux if there is one",
        parse.one_of("auto", "flux", "embedded", "archive"),
    ),
    Setting(
        "archive_instance",
        "--archive-instance",
        "FLUXAPI_ARCHIVE_INSTANCE",
        None,
        "ID of the instance in the history that --instance archive shows; by default, the one that "
        "was seen last",
    ),
    Setting("uri", "--uri", "FLUX_URI", None, "the broker to connect to"),
    Setting(
        "statedir",
        "--statedir",
        "FLUXAPI_STATEDIR",
        None,
        "directory for tokens, templates, the history of jobs, and for the jobs of the embedded "
        "instance; without one, only the embedded instance keeps a history, in "
        "~/.local/state/fluxapi (XDG_STATE_HOME), outside of containers",
        parse.path,
    ),
    *HISTORY,
    Setting("user", "--user", "FLUX_USER", None, "user name for HTTP Basic"),
    Setting(
        "token",
        "--token-file",
        "FLUX_TOKEN",
        None,
        "the user's token (flag: a file that contains it)",
        secret=True,
    ),
    Setting(
        "require_auth",
        "--require-auth",
        "FLUX_REQUIRE_AUTH",
        "false",
        "require credentials on all routes except /health, /token and the login page",
        parse.boolean,
        switch=True,
    ),
    Setting(
        "secret_key",
        "--secret-key-file",
        "FLUX_SECRET_KEY",
        None,
        "secret that signs bearer tokens, together with the token (flag: a file that contains it); "
        "random when unset",
        secret=True,
    ),
    Setting(
        "access_token_expires_minutes",
        "--access-token-expires-minutes",
        "FLUX_ACCESS_TOKEN_EXPIRES_MINUTES",
        "600",
        "lifetime of a bearer token, minutes",
        parse.positive,
    ),
    Setting(
        "login_code",
        "--login-code",
        "FLUXAPI_LOGIN_CODE",
        "auto",
        "print an address that logs in once: auto (on a terminal, with authentication), always or "
        "never",
        parse.one_of("auto", "always", "never"),
    ),
    Setting(
        "trust_user_header",
        "--trust-user-header",
        "FLUXAPI_TRUST_USER_HEADER",
        "",
        "header, such as X-Remote-User, in which a proxy of --trust-from names the user that it "
        "has authenticated",
        parse.header,
    ),
    Setting(
        "trust_user_right",
        "--trust-user-right",
        "FLUXAPI_TRUST_USER_RIGHT",
        "none",
        "scope of the users that the header names, other than the owner: none, view, operate, "
        "submit or admin",
        parse.one_of("none", "view", "operate", "submit", "admin"),
    ),
    Setting(
        "option_flags",
        "--option-flags",
        "FLUX_OPTION_FLAGS",
        "",
        "shell options for every submitted job, as '-oNAME=VALUE …'",
        parse.option_flags,
    ),
    Setting(
        "launchers",
        "--launchers",
        "FLUXAPI_LAUNCHERS",
        "nextflow,snakemake",
        "programs allowed with is_launcher",
        parse.names,
        many=True,
    ),
    Setting(
        "allowed_hosts",
        "--allowed-hosts",
        "FLUXAPI_ALLOWED_HOSTS",
        "",
        "allowed Host names besides the listening address and localhost; * for any",
        parse.names,
        many=True,
    ),
    Setting(
        "insecure",
        "--insecure",
        "FLUXAPI_INSECURE",
        "false",
        "allow an address other than loopback without authentication",
        parse.boolean,
        switch=True,
    ),
    Setting(
        "max_body",
        "--max-body",
        "FLUXAPI_MAX_BODY",
        "33554432",
        "limit of the body of a submission, bytes; other bodies have smaller limits",
        parse.positive,
    ),
    Setting(
        "max_jobs",
        "--max-jobs",
        "FLUXAPI_MAX_JOBS",
        "1000000",
        "limit of inactive jobs in the table; the oldest are dropped first",
        parse.positive,
    ),
    Setting(
        "max_streams",
        "--max-streams",
        "FLUXAPI_MAX_STREAMS",
        "2000",
        "limit of open sockets and streams",
        parse.positive,
    ),
    Setting(
        "max_peer_connections",
        "--max-peer-connections",
        "FLUXAPI_MAX_PEER_CONNECTIONS",
        "512",
        "limit of open connections from one address; raise it for a proxy on another host",
        parse.positive,
    ),
    Setting(
        "max_client_streams",
        "--max-client-streams",
        "FLUXAPI_MAX_CLIENT_STREAMS",
        "2000",
        "limit of open streams of one token, login or user, and of one address",
        parse.positive,
    ),
    Setting(
        "max_client_requests",
        "--max-client-requests",
        "FLUXAPI_MAX_CLIENT_REQUESTS",
        "10000",
        "limit of requests of one token, login or user, and of one address, per second",
        parse.positive,
    ),
    Setting(
        "max_client_bytes",
        "--max-client-bytes",
        "FLUXAPI_MAX_CLIENT_BYTES",
        "1073741824",
        "limit of the bodies of one token, login or user, and of one address, bytes per second",
        parse.positive,
    ),
    Setting(
        "buffer_events",
        "--buffer-events",
        "FLUXAPI_BUFFER_EVENTS",
        "65536",
        "events kept for clients that resume from a cursor",
        parse.positive,
    ),
    Setting(
        "idempotency_keys",
        "--idempotency-keys",
        "FLUXAPI_IDEMPOTENCY_KEYS",
        "100000",
        "limit of stored Idempotency-Keys; the oldest are dropped first",
        parse.positive,
    ),
    Setting(
        "rpc_timeout",
        "--rpc-timeout",
        "FLUXAPI_RPC_TIMEOUT",
        "10",
        "timeout of one call to Flux, seconds",
        parse.seconds,
    ),
    Setting(
        "shutdown_timeout",
        "--shutdown-timeout",
        "FLUXAPI_SHUTDOWN_TIMEOUT",
        "5",
        "timeout of the shutdown, including open requests and jobs, seconds",
        parse.seconds,
    ),
    Setting(
        "max_children",
        "--max-children",
        "FLUXAPI_MAX_CHILDREN",
        "8",
        "limit of child instances that are open at once; an idle one is closed to open another; 0 "
        "opens none",
        parse.count,
    ),
    Setting(
        "follow_children",
        "--follow-children",
        "FLUXAPI_FOLLOW_CHILDREN",
        "4",
        "child instances that are followed even while no client uses them, so that their jobs are "
        "known after their end; at most --max-children; 0 follows none",
        parse.count,
    ),
    Setting(
        "max_child_depth",
        "--max-child-depth",
        "FLUXAPI_MAX_CHILD_DEPTH",
        "4",
        "limit of the levels of child instances below the instance of the service",
        parse.positive,
    ),
    Setting(
        "max_child_jobs",
        "--max-child-jobs",
        "FLUXAPI_MAX_CHILD_JOBS",
        "100000",
        "limit of the jobs of one child instance",
        parse.positive,
    ),
    Setting(
        "child_idle_timeout",
        "--child-idle-timeout",
        "FLUXAPI_CHILD_IDLE_TIMEOUT",
        "300",
        "time after which a child instance that is not in use is closed, seconds",
        parse.seconds,
    ),
    Setting(
        "child_open_timeout",
        "--child-open-timeout",
        "FLUXAPI_CHILD_OPEN_TIMEOUT",
        "15",
        "timeout of opening a child instance, seconds",
        parse.seconds,
    ),
    Setting(
        "child_transports",
        "--child-transports",
        "FLUXAPI_CHILD_TRANSPORTS",
        "local,parent,ssh",
        "transports to a child instance, in this order: local (its socket on this machine), parent "
        "(through the parent's broker), ssh",
        parse.transports,
        many=True,
    ),
    *NOTICES,
    Setting(
        "log_level",
        "--log-level",
        "FLUXAPI_LOG_LEVEL",
        "info",
        "lowest level that is logged on standard error",
        parse.one_of("debug", "info", "warning", "error"),
    ),
    Setting(
        "log_format",
        "--log-format",
        "FLUXAPI_LOG_FORMAT",
        "text",
        "text: readable lines; json: one JSON object per line",
        parse.one_of("text", "json"),
    ),
)
