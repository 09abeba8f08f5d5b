b = "late"
c = "late"
d = "late"
