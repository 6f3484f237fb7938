"""The jobs of an instance as tools and resources of the Model Context Protocol (MCP)."""
