"""How each gate criterion is computed: one function a criterion, found by the `check` name that a gate policy gives."""
