module eta

go 1.24
