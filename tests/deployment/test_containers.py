"""Containerfile, compose files and Kubernetes manifests, without an engine; `make containers` runs the first two."""

import http.server
import json
import re
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import kubernetes_validate
import pytest
import yaml

from apps.core.service_urls import location_of, missing_protection
from apps.localstack.paths import BASE_DIR
from scripts import container_health, container_secrets
from tests.deployment.places import FILES

# A part of a ConfigMap that the cluster has.
CONTROLLER = FILES / "kubernetes" / "controller.yaml"
MANIFESTS = [
    pytest.param(document, id=f"{path.stem}-{document['kind']}-{document['metadata']['name']}")
    for path in sorted((FILES / "kubernetes").glob("*.yaml"))
    if path != CONTROLLER
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
OLDEST_KUBERNETES = "1.29"
ENVIRONMENT_OF_SECRETS = ("SECRET_KEY", "IDENTITY_KEY", "SIGNING_KEY", "DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL")


def compose(name: str) -> dict[str, Any]:
    """The services of a compose file with what they extend, merged as far as the tests read it."""
    services: dict[str, Any] = yaml.safe_load((BASE_DIR / name).read_text(encoding="utf-8"))["services"]
    base = yaml.safe_load((BASE_DIR / "compose.base.yaml").read_text(encoding="utf-8"))["services"]
    for service in services.values():
        shared = base[service["extends"]["service"]] if "extends" in service else {}
        environment = shared.get("environment", {}) | service.get("environment", {})
        service |= {key: value for key, value in shared.items() if key not in service} | {"environment": environment}
    return services


@pytest.mark.parametrize(
    "path", ["Containerfile", "tests/containers/postgres/Containerfile", "tests/containers/valkey/Containerfile"]
)
def test_hadolint_accepts_the_containerfile(path: str):
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program
    done = subprocess.run([program, str(BASE_DIR / path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_contains_only_listed_files():
    """An .env, a backup or the history of the clone must not reach a registry with the image."""
    lines = (BASE_DIR / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    listed = [BASE_DIR / rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    assert [path.name for path in listed if not path.exists()] == []
    assert not {".env", ".git", "var", "tests"} & {path.name for path in listed}


@pytest.mark.parametrize("name", ["compose.yaml", "compose.production.yaml"])
def test_every_container_is_confined(name: str):
    """A weakness of one process must not open the host."""
    for service, settings in compose(name).items():
        confined = (settings["read_only"], settings["cap_drop"], settings["security_opt"])
        assert confined == (True, ["ALL"], ["no-new-privileges:true"]), service
        assert service == "secrets" or settings["user"] not in ("0", "0:0", "root"), service


@pytest.mark.parametrize("name", ["compose.yaml", "compose.production.yaml"])
def test_no_secret_stands_in_a_compose_file(name: str):
    """Every user of the engine can read the environment of a container."""
    for service, settings in compose(name).items():
        names = [key for key in settings["environment"] if not key.endswith("_FILE")]
        assert not [key for key in names if key in ENVIRONMENT_OF_SECRETS or "PASSWORD" in key], service


def test_in_production_only_the_worker_signs_and_only_migrate_owns():
    services = compose("compose.production.yaml")
    assert [name for name, settings in services.items() if "signing_key" in settings["secrets"]] == ["worker"]
    assert [name for name, settings in services.items() if "database_owner_url" in settings["secrets"]] == ["migrate"]


def test_every_path_of_a_secret_is_a_secret_of_its_service():
    """Otherwise the process does not start on the server, and the demo does not show it."""
    for service, settings in compose("compose.production.yaml").items():
        named = {
            value.removeprefix("/run/secrets/")
            for key, value in settings["environment"].items()
            if key.endswith("_FILE")
        }
        assert named <= set(settings["secrets"]), service


def test_the_script_makes_every_secret_of_the_server_once(tmp_path: Path):
    """A second run that changed a key would end every session, or make every contact a stranger."""
    folder = tmp_path / "secrets"
    created = container_secrets.create(folder)
    declared = yaml.safe_load((BASE_DIR / "compose.production.yaml").read_text(encoding="utf-8"))["secrets"]
    assert set(declared) <= set(created)
    assert {value["file"].removeprefix("./secrets/") for value in declared.values()} <= set(created)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert container_secrets.create(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}


def test_the_addresses_of_broker_and_cache_need_no_tls_and_differ(tmp_path: Path):
    """`check --deploy` on the server stays silent: the socket never leaves the machine."""
    container_secrets.create(tmp_path / "secrets")
    broker, cache = ((tmp_path / "secrets" / name).read_text() for name in ("celery_broker_url", "cache_url"))
    assert missing_protection(broker) == missing_protection(cache) == []
    assert location_of(broker)[1:3] == ("/run/valkey/valkey.sock?0", "hundred_broker")
    assert location_of(cache)[1:3] == ("/run/valkey/valkey.sock?1", "hundred_cache")


def test_the_users_of_valkey_are_those_of_the_deployment_page(tmp_path: Path):
    container_secrets.create(tmp_path)
    rights = [
        line.split(" ~", 1)[1] for line in (tmp_path / "valkey_users.acl").read_text().splitlines() if " ~" in line
    ]
    page = (FILES / "valkey" / "users.acl").read_text(encoding="utf-8")
    assert [line.split(" ~", 1)[1] for line in page.splitlines() if " ~" in line] == rights


@pytest.mark.parametrize("page", ["containers.md", "kubernetes/README.md"])
def test_the_roster_is_loaded_before_a_role_is_granted(page: str):
    """`grant_role` needs a loaded roster, and ends the links that were printed before it."""
    commands = re.findall(r"manage\.py (\w+)", (FILES / page).read_text(encoding="utf-8").partition("## Times")[0])
    first = [name for name in commands if name in ("import_roster", "grant_role", "invite_employees")]
    assert first == ["import_roster", "grant_role", "invite_employees"]


@pytest.mark.parametrize("status", [200, 503])
def test_the_health_check_asks_for_the_configured_host(status: int):
    """Django refuses another host: the engine would restart a healthy process for ever."""
    hosts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        assert container_health.answers(server.server_port, "hundred.example.com") is (status == 200)
    assert hosts == ["hundred.example.com"]


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_kubernetes_knows_every_field(manifest: dict[str, Any]):
    """Some clients drop an unknown field silently: a limit or a probe would be missing."""
    kubernetes_validate.validate(manifest, OLDEST_KUBERNETES, strict=True)


def workloads() -> list[Any]:
    return [entry for entry in MANIFESTS if entry.values[0]["kind"] in ("Deployment", "Job")]


@pytest.mark.parametrize("manifest", workloads())
def test_every_pod_is_restricted_and_bounded(manifest: dict[str, Any]):
    """The namespace refuses other pods; without limits one process takes a node's memory."""
    spec = manifest["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert {"memory", "cpu"} <= set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def by_name() -> dict[tuple[str, str], Any]:
    found = [entry.values[0] for entry in MANIFESTS]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


@pytest.mark.parametrize("name", ["web", "worker"])
def test_an_update_of_the_nodes_leaves_a_process(name: str):
    documents = by_name()
    budget, deployment = documents["PodDisruptionBudget", f"hundred-{name}"], documents["Deployment", f"hundred-{name}"]
    assert 0 < budget["spec"]["minAvailable"] < deployment["spec"]["replicas"]
    assert budget["spec"]["selector"] == deployment["spec"]["selector"]


def test_the_web_pods_are_probed_with_a_host_that_they_serve():
    documents = by_name()
    [web] = documents["Deployment", "hundred-web"]["spec"]["template"]["spec"]["containers"]
    served = documents["ConfigMap", "hundred"]["data"]["ALLOWED_HOSTS"].split(",")
    for probe, path in (("startupProbe", "live"), ("livenessProbe", "live"), ("readinessProbe", "ready")):
        request = web[probe]["httpGet"]
        assert request["path"] == f"/health/{path}"
        assert [header["value"] in served for header in request["httpHeaders"] if header["name"] == "Host"] == [True]


def image_command() -> list[str]:
    [line] = [line for line in (BASE_DIR / "Containerfile").read_text().splitlines() if line.startswith("CMD ")]
    return cast("list[str]", json.loads(line.removeprefix("CMD ")))


@pytest.mark.parametrize("kind", ["compose", "kubernetes"])
def test_the_web_process_has_metrics_at_a_port_and_for_a_token(kind: str):
    """Without either /metrics is 404 and no alert ever fires."""
    if kind == "compose":
        web = compose("compose.production.yaml")["web"]
        environment = web["environment"]
        assert web["ports"] == ["127.0.0.1:9200:9200"], "of this machine alone"
    else:
        [web] = by_name()["Deployment", "hundred-web"]["spec"]["template"]["spec"]["containers"]
        environment = {entry["name"]: entry["value"] for entry in web["env"]}
        assert {"name": "metrics", "containerPort": 9200} in web["ports"]
    assert environment["METRICS_PORT"] == "9200"
    assert environment["METRICS_TOKEN_FILE"] == "/run/secrets/metrics_token"
    # Otherwise it is another process than that of the image.
    page, command = "0.0.0.0:8000", list(web["command"])
    position = command.index(page) + 1
    assert command[position : position + 2] == ["--bind", "0.0.0.0:9200"]
    assert command[:position] + command[position + 2 :] == image_command()


def test_every_file_of_a_secret_of_kubernetes_is_created_with_it():
    """A missing file stops the start of the pod."""
    documents, page = by_name(), (FILES / "kubernetes" / "README.md").read_text(encoding="utf-8").replace("\\\n", "")
    created = {
        name: set(re.findall(r"--from-file=(\w+)", line))
        for name, line in re.findall(r"create secret generic (\S+) (.*)", page)
    }
    shared = {key: value for key, value in documents["ConfigMap", "hundred"]["data"].items() if key.endswith("_FILE")}
    for entry in workloads():
        spec = entry.values[0]["spec"]["template"]["spec"]
        [secret] = [volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume]
        own = [variable["value"] for variable in spec["containers"][0].get("env", []) if "_FILE" in variable["name"]]
        named = {value.removeprefix("/run/secrets/") for value in (*shared.values(), *own)}
        assert named <= created[secret], entry.id


def test_the_monitor_reaches_the_metrics_and_no_page():
    rules = by_name()["NetworkPolicy", "hundred-web"]["spec"]["ingress"]
    ports = {
        rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: rule["ports"]
        for rule in rules
    }
    assert ports == {"ingress-nginx": [{"port": 8000}], "monitoring": [{"port": 9200}]}


def test_the_controller_sends_an_id_that_no_client_chooses():
    """Otherwise a client adds lines to another's request; and searches stand in the controller's log."""
    data = yaml.safe_load(CONTROLLER.read_text(encoding="utf-8"))["data"]
    assert (data["server-snippet"], data["generate-request-id"]) == ("more_clear_input_headers X-Request-ID;", "true")
    variables = set(re.findall(r"\$(\w+)", data["log-format-upstream"]))
    assert "req_id" in variables
    assert not {"request", "request_uri", "args", "http_referer"} & variables


def test_without_a_rule_no_traffic_passes():
    policy = by_name()["NetworkPolicy", "hundred-nothing"]["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
