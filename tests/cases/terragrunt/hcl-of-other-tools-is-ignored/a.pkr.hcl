source {}
