"""The protocol of our own servo board, host side. The contract is hardware/protocol.md."""
