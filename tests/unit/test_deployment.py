from perennial.deployment import Deployment
from perennial.store.local import LocalStore


def test_logins_are_not_shown(tmp_path):
    shown = repr(
        Deployment(
            store=LocalStore(tmp_path),
            tracking_uri="https://someone:secret-1@mlflow.example",
            data_root=tmp_path,
            sql_url="postgresql://someone:secret-2@db.example/shop",
        )
    )
    assert "secret" not in shown
    assert str(tmp_path) in shown
