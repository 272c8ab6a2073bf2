"""What people typed, through the assistant's understanding and search: public sets, scored."""
