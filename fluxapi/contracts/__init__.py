"""The API contract: JSON Schemas, route declarations, and the documents generated from them."""
