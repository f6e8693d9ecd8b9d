"""What the fake GitLab is made of: state, shapes of answers, routes with who may see them."""
