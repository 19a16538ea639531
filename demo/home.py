"""The folder of a demo: store, databases, logs, process ids and secrets; and the folder of landing files."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from demo import quiet
from demo.errors import DemoError

REPOSITORY = Path(__file__).resolve().parent.parent
DAGS = REPOSITORY / "dags"
USER = "admin"
# A folder without this file was not made by the demo, and is never removed.
MARKER = ".made-by-the-perennial-demo"


@dataclass(frozen=True)
class Home:
    """Paths and ports of a demo.

    Attributes
    ----------
    root : Path
        Absolute path; `.perennial` in the repository, unless PERENNIAL_HOME names another.
    airflow_port, mlflow_port : int
        Ports on 127.0.0.1.
    """

    root: Path
    airflow_port: int = 8080
    mlflow_port: int = 5000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Home:
        """Read PERENNIAL_HOME, AIRFLOW_PORT and MLFLOW_PORT; raise DemoError for an invalid port."""
        root = Path(environment.get("PERENNIAL_HOME") or REPOSITORY / ".perennial").absolute()
        return cls(root, _port(environment, "AIRFLOW_PORT", 8080), _port(environment, "MLFLOW_PORT", 5000))

    @property
    def airflow_url(self) -> str:
        """Address of Airflow's web interface."""
        return f"http://127.0.0.1:{self.airflow_port}"

    @property
    def mlflow_url(self) -> str:
        """Address of MLflow's web interface."""
        return f"http://127.0.0.1:{self.mlflow_port}"

    @property
    def data(self) -> Path:
        """Root of the landing files.

        It is outside the demo's own folder and not removed with it, since you may use it too.
        """
        return self.root / "data"

    @property
    def folder(self) -> Path:
        """Everything that a demo writes except the landing files; the next demo removes it."""
        return self.root / "demo"

    @property
    def pids(self) -> Path:
        """One file for each service that was started."""
        return self.folder / "pids"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.folder / "airflow"

    @property
    def logs(self) -> Path:
        """Output of the services, one file each."""
        return self.folder / "logs"

    @property
    def quiet_dags(self) -> Path:
        """DAG files of the quiet replay."""
        return self.folder / "quiet_dags"

    @property
    def wheel(self) -> Path:
        """The champion's wheel, rows to predict for, and an environment in which it is installed."""
        return self.folder / "wheel"

    @property
    def passwords(self) -> Path:
        """Airflow's own file of passwords, by user."""
        return self.airflow / "simple_auth_manager_passwords.json.generated"

    def make_again(self) -> None:
        """Remove the folder of an earlier demo and create a new one, with new secrets, readable only by this user."""
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / MARKER).exists():
                raise DemoError(
                    f"{self.folder} was not made by the demo: move it away, or name another place in PERENNIAL_HOME"
                )
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        (self.folder / MARKER).touch()
        for folder in (self.airflow, self.logs, self.pids):
            folder.mkdir()
        quiet.lay_out_dags(self.quiet_dags, DAGS, DAGS / "models" / "flight_delay.yaml")
        with _private(self.passwords) as file:
            json.dump({USER: secrets.token_urlsafe(12)}, file)
        with _private(self.airflow / "airflow.cfg") as file:
            self.airflow_settings().write(file)

    def password(self) -> str:
        """Return the password of `admin` in the web interface."""
        found: str = json.loads(self.passwords.read_text())[USER]
        return found

    def environment(self) -> dict[str, str]:
        """Return the services' environment: this process's without settings of Airflow and MLflow, plus the demo's."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MLFLOW", "PERENNIAL"))
        }
        return inherited | {
            "AIRFLOW_HOME": str(self.airflow),
            "MLFLOW_TRACKING_URI": self.mlflow_url,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # Would start seven processes for evaluations of language models, which are not needed.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            # Threads that wait actively compete for the cores if more threads run than there are cores: a fit of one
            # second took seven. The setting is read when the first library with OpenMP is loaded.
            "OMP_WAIT_POLICY": "PASSIVE",
            "PERENNIAL_DATA": str(self.data),
            "PERENNIAL_STORE": str(self.folder / "store"),
        }

    def airflow_settings(self) -> RawConfigParser:
        """Airflow's configuration: what differs from its defaults."""
        settings = RawConfigParser()
        settings.read_dict(
            {
                "core": {
                    "executor": "LocalExecutor",
                    "parallelism": 4,
                    "dags_folder": DAGS,
                    "plugins_folder": REPOSITORY / "plugins",
                    "load_examples": False,
                    "execution_api_server_url": f"{self.airflow_url}/execution/",
                    "fernet_key": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                    "simple_auth_manager_passwords_file": self.passwords,
                },
                "dag_processor": {
                    "dag_bundle_config_list": json.dumps(
                        [_bundle("dags-folder", DAGS), _bundle("quiet-replay", self.quiet_dags)]
                    ),
                    # Files are parsed again after this time; a spec that you edit is seen then. The default of 30 seconds
                    # would occupy a tenth of the cores.
                    "min_file_process_interval": 120,
                },
                "api": {
                    "host": "127.0.0.1",
                    "port": self.airflow_port,
                    "base_url": self.airflow_url,
                    "workers": 1,
                    "secret_key": secrets.token_urlsafe(32),
                },
                "api_auth": {"jwt_secret": secrets.token_urlsafe(64)},
                "database": {"load_default_connections": False},
                # The default of one second between looks for work would be longer than most tasks here.
                "scheduler": {"scheduler_idle_sleep_time": 0.2, "enable_health_check": False},
                # A supervisor that misses the end of its task looks again after this time, and occupies a slot
                # meanwhile. The default is five seconds, much longer than a short task.
                "workers": {"min_heartbeat_interval": 1},
                "usage_data_collection": {"enabled": False},
            }
        )
        return settings


def _bundle(name: str, path: Path) -> dict[str, object]:
    classpath = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return {"name": name, "classpath": classpath, "kwargs": {"path": str(path)}}


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    given = environment.get(name) or str(default)
    if not given.isdecimal() or not 0 < int(given) < 65536:
        raise DemoError(f"{name}={given}: a port is a number from 1 to 65535")
    return int(given)


def _private(path: Path) -> TextIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
