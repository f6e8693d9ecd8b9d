"""The GitLab templates as GitLab reads them: inputs, schema, and the script of the job."""
