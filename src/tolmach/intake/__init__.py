"""What arrived: is it whole, is it new; the receipt before anybody says "success"."""
