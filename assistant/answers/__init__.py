"""What the offline assistant says: replies, and the reasons under each product."""
