"""The pages people see, as HTML made of the documents of the API."""
