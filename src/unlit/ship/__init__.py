"""After the gate: branch, merge, tag, pull request, deploy, watch, roll back."""
