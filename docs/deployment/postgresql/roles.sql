-- For psql as the superuser, once, on a new server: two roles and the database.
-- The passwords come from files, which no list of processes and no history shows.
\set owner_password `cat "${SECRETS:-/run/secrets}/owner_password"`
\set app_password `cat "${SECRETS:-/run/secrets}/app_password"`

CREATE ROLE hundred_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE hundred_app LOGIN PASSWORD :'app_password';
CREATE DATABASE hundred OWNER hundred_owner TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE hundred FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE hundred TO hundred_app;
