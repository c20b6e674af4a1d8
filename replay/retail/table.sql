-- The rows as they stand in the files. What is not a number, a time or a
-- complete row is an error that names its line, never a guess.
CREATE SCHEMA replay;
CREATE TABLE replay.input (
    row_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    invoice     text NOT NULL,
    stock_code  text NOT NULL,
    description text,
    quantity    integer NOT NULL,
    at          timestamptz NOT NULL,
    price       numeric NOT NULL,
    customer    text,
    country     text
);
