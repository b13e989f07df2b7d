"""The application's consent in the customer's tenant."""
