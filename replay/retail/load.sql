\copy replay.input (invoice, stock_code, description, quantity, at, price, customer, country) FROM pstdin WITH (FORMAT csv, HEADER)
