"""What goes to Kubernetes keeps its schema: the pod template, and the pods that Airflow makes of it for a spec's steps.

No cluster is needed: kubernetes-validate brings the API's own JSON schemas.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from perennial.spec import ModelSpec
from perennial_airflow.building.placement import heavy
from tests.airflow.conftest import small_spec

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("airflow_home")]

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
TEMPLATE = FOLDER / "pod_template.yaml"
# Of Kubernetes.
VERSIONS = ["1.34", "1.37"]


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


@pytest.fixture
def kubernetes_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor")


def override(**resources: Any) -> Any:
    spec = ModelSpec.model_validate({**small_spec("orders"), "resources": resources})
    return heavy(spec)["executor_config"]["pod_override"]


def pod_of_a_task(pod_override: Any = None) -> dict[str, Any]:
    """Return the pod that the KubernetesExecutor would ask for, as Kubernetes gets it."""
    from airflow.providers.cncf.kubernetes.pod_generator import PodGenerator
    from kubernetes.client.api_client import ApiClient

    pod = PodGenerator.construct_pod(
        dag_id="orders.retrain",
        task_id="train",
        pod_id="orders-retrain-train-1",
        try_number=1,
        kube_image="registry.example/perennial:9",
        date=datetime(2026, 1, 1, tzinfo=UTC),
        args=["python", "-m", "airflow.sdk.execution_time.execute_workload"],
        pod_override_object=pod_override,
        base_worker_pod=PodGenerator.deserialize_model_file(str(TEMPLATE)),
        namespace="airflow",
        scheduler_job_id="1",
        run_id="manual__1",
    )
    return ApiClient().sanitize_for_serialization(pod)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("file", ["pod_template.yaml", "settings.yaml"])
def test_the_files_keep_the_schema(file: str, version: str) -> None:
    kubernetes_validate.validate(load(FOLDER / file), version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found() -> None:
    template = load(TEMPLATE)
    template["spec"]["containers"][0]["resource"] = template["spec"]["containers"][0].pop("resources")

    with pytest.raises(kubernetes_validate.ValidationError, match="resource"):
        kubernetes_validate.validate(template, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("resources", [{"cpu": 4}, {"memory": "8Gi"}, {"cpu": 0.5, "memory": "512Mi"}])
def test_a_heavy_steps_pod_keeps_the_schema_and_asks_for_what_the_spec_says(
    kubernetes_executor: None, resources: dict[str, Any], version: str
) -> None:
    pod = pod_of_a_task(override(**resources))

    kubernetes_validate.validate(pod, version, strict=True)
    (container,) = pod["spec"]["containers"]
    wanted = {name: f"{amount:g}" if name == "cpu" else amount for name, amount in resources.items()}
    assert container["resources"] == {"requests": wanted, "limits": wanted}


def test_all_else_of_a_heavy_steps_pod_is_the_templates(kubernetes_executor: None) -> None:
    plain, heavy_one = pod_of_a_task(), pod_of_a_task(override(cpu=4, memory="8Gi"))
    assert plain["spec"]["containers"][0].pop("resources") != heavy_one["spec"]["containers"][0].pop("resources")

    assert plain == heavy_one
    assert plain["spec"]["containers"][0]["image"] == "registry.example/perennial:9"


def test_a_task_has_no_rights_that_it_does_not_need() -> None:
    pod = load(TEMPLATE)["spec"]
    (container,) = pod["containers"]

    assert (pod["securityContext"]["runAsNonRoot"], pod["automountServiceAccountToken"]) == (True, False)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]) == {"requests", "limits"}


def test_what_the_values_say_of_pods_keeps_the_schema() -> None:
    values = load(FOLDER / "values.yaml")
    components = ["apiServer", "scheduler", "dagProcessor", "triggerer", "statsd"]
    containers = [
        {
            "name": name.lower(),
            "image": "{repository}:{tag}".format(**values["images"]["airflow"]),
            "imagePullPolicy": values["images"]["airflow"]["pullPolicy"],
            "resources": values[name]["resources"],
            "securityContext": values["securityContexts"]["containers"],
            "envFrom": yaml.safe_load(values["extraEnvFrom"]),
        }
        for name in components
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "airflow"},
        "spec": {"securityContext": values["securityContexts"]["pod"], "containers": containers},
    }

    kubernetes_validate.validate(pod, VERSIONS[-1], strict=True)


def test_logs_and_metrics_are_set_where_tasks_have_them_too() -> None:
    # The chart makes a file of its `config`, which the pods of tasks do not mount.
    settings = load(FOLDER / "settings.yaml")["data"]
    assert not {"logging", "metrics"} & load(FOLDER / "values.yaml")["config"].keys()
    compose = yaml.safe_load((FOLDER.parents[1] / "docker-compose.yaml").read_text())["x-airflow-env"]
    told = {name for name in compose if name.startswith(("AIRFLOW__LOGGING__REMOTE", "AIRFLOW__METRICS__"))}
    assert len(told) == 9
    assert told <= settings.keys()


def test_values_and_pod_template_name_the_same_image_and_settings() -> None:
    values = load(FOLDER / "values.yaml")
    (container,) = load(TEMPLATE)["spec"]["containers"]

    assert container["image"] == "{repository}:{tag}".format(**values["images"]["airflow"])
    assert container["envFrom"] == yaml.safe_load(values["extraEnvFrom"])
    assert container["envFrom"][0]["configMapRef"]["name"] == load(FOLDER / "settings.yaml")["metadata"]["name"]
