INSERT INTO db.values (a, b) FORMAT RowBinary
