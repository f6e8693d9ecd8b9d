"""Evidence from GitLab: REST answers, predefined variables and the ID token, turned into facts."""
