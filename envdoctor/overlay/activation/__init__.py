"""An overlay as activation code: one module per form, each a pure function from the overlay to text."""
