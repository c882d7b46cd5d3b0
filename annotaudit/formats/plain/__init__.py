"""Tables in our own columns, or in anyone's by name: CSV and Parquet."""
