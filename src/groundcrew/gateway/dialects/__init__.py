"""The dialects that clients and providers speak, each translated to and from the chat completion."""
