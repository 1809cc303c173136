"""lianban: a workflow engine for parallel multi-department approvals. See ARCHITECTURE.md."""
