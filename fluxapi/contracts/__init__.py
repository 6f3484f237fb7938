"""What the service takes and gives: the JSON Schemas, the routes, the documents made from them."""
