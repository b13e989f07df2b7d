"""Admin consent for the application in the customer's tenant."""
