"""The cluster's composition and manifests, as far as they can be checked without an engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.cli.parser import parse
from bot.config.schema import load_config

ROOT = Path(__file__).parent.parent
ROLES = {"receiver", "worker", "scheduler"}
ENVIRONMENT = {
    "HTTP_TOKEN": "sesame",
    "POSTGRES_PASSWORD": "secret",
    "LARK_APP_ID": "cli_1",
    "LARK_APP_SECRET": "secret",
    "DOCUMENTS": "https://docs.test/project.git",
}


def composed() -> dict[str, Any]:
    """deploy/compose-cluster.yaml with its variables filled in; a needed one may not be missing."""
    text = (ROOT / "deploy/compose-cluster.yaml").read_text(encoding="utf-8")
    variable = r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}"
    filled = re.sub(variable, lambda m: ENVIRONMENT.get(m[1]) or m[2], text)
    loaded: dict[str, Any] = yaml.safe_load(filled)
    return loaded


def manifests(name: str) -> list[dict[str, Any]]:
    text = (ROOT / "deploy/kubernetes" / name).read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def deployments() -> dict[str, dict[str, Any]]:
    found = [one for one in manifests("bot.yaml") if one["kind"] == "Deployment"]
    return {one["metadata"]["labels"]["role"]: one["spec"] for one in found}


def test_the_composition_has_each_role_with_a_data_folder_of_its_own() -> None:
    whole = composed()
    services = whole["services"]
    for role in ROLES:
        service = services[role]
        args = parse(service["command"])
        assert (args.command, args.role) == ("run", role)
        mounted = [volume.split(":")[-1] for volume in service["volumes"] if ":ro" not in volume]
        assert "/data" in mounted
        assert ("/share" in mounted) == (role != "receiver")
        assert "./cluster.yaml:/app/config.yaml:ro" in service["volumes"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert int(service["stop_grace_period"].rstrip("s")) >= 30
    assert [role for role in ROLES if "data:/data" in services[role]["volumes"]] == ["scheduler"]
    assert services["worker"]["deploy"]["replicas"] == 4
    assert all(
        port.startswith("127.0.0.1:") for one in services.values() for port in one.get("ports", ())
    )


def test_the_shared_configuration_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = composed()["services"]["worker"]
    for name, value in worker["environment"].items():
        monkeypatch.setenv(name, value)
    overrides = parse(["--set", "llm.local.base_urls=[]", "run"]).overrides
    config = load_config(ROOT / "deploy/cluster.yaml", overrides)
    assert config.knowledge.share == Path("/share")
    assert str(config.store_place) == "postgresql://huixiangdou@postgres:5432/huixiangdou"
    assert config.knowledge.sources[0].git == ENVIRONMENT["DOCUMENTS"]


def test_the_manifests_have_each_role_confined_and_watched() -> None:
    found = deployments()
    assert set(found) == ROLES
    for role, spec in found.items():
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        args = parse(container["args"])
        assert (args.command, args.role) == ("run", role)
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
        assert set(mounts) == {one["name"] for one in pod["volumes"]}
        assert ("share" in mounts) == (role != "receiver") and mounts["data"] == "/data"
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pod["securityContext"]["runAsNonRoot"]
    kinds = [one["kind"] for one in manifests("lmdeploy.yaml")]
    assert kinds == ["Deployment", "Service"]
