"""What a person looks at and works with in the browser."""
