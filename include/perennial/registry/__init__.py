"""MLflow: runs, logged models, versions and aliases. The only room that imports mlflow."""
