"""MLflow: runs, logged models, versions and aliases. The only package that imports mlflow."""
