-- Market data: instruments, trades, quotes, bars and order books. Plain PostgreSQL, to be repeated at will.
-- Run as `market` in the database `market`: docs/timescale.md, "Tables for market data". 0002_timescale.sql makes hypertables of them.
-- Each primary key ends a row's identity with its time, as TimescaleDB demands of every unique index.

CREATE SCHEMA IF NOT EXISTS market_data;

CREATE TABLE IF NOT EXISTS market_data.instruments (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol text NOT NULL CHECK (symbol <> ''),
    venue text NOT NULL CHECK (venue <> ''),
    asset_class text NOT NULL CHECK (asset_class IN ('equity', 'etf', 'future', 'option', 'fx', 'crypto', 'index', 'bond')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z0-9]{3,8}$'),
    price_increment numeric NOT NULL CHECK (price_increment > 0),
    UNIQUE (symbol, venue)
);
COMMENT ON TABLE market_data.instruments IS 'What is traded where; the other tables name it by its id.';

CREATE TABLE IF NOT EXISTS market_data.trades (
    at timestamptz NOT NULL,
    instrument integer NOT NULL REFERENCES market_data.instruments (id),
    trade_id text NOT NULL,
    price numeric NOT NULL,
    size numeric NOT NULL CHECK (size > 0),
    aggressor smallint NOT NULL DEFAULT 0 CHECK (aggressor IN (-1, 0, 1)),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument, at, trade_id)
);
COMMENT ON COLUMN market_data.trades.aggressor IS '1: the buyer took, -1: the seller, 0: the venue does not say. A price may be negative (oil, 20 April 2020).';

CREATE TABLE IF NOT EXISTS market_data.quotes (
    at timestamptz NOT NULL,
    instrument integer NOT NULL REFERENCES market_data.instruments (id),
    sequence bigint NOT NULL DEFAULT 0 CHECK (sequence >= 0),
    bid numeric,
    bid_size numeric CHECK (bid_size >= 0),
    ask numeric,
    ask_size numeric CHECK (ask_size >= 0),
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument, at, sequence),
    CHECK ((bid IS NULL) = (bid_size IS NULL)),
    CHECK ((ask IS NULL) = (ask_size IS NULL)),
    CHECK (bid IS NOT NULL OR ask IS NOT NULL)
);
COMMENT ON TABLE market_data.quotes IS 'Best bid and offer; a side that is empty is null. A crossed market is kept: it happened.';

CREATE TABLE IF NOT EXISTS market_data.bars (
    at timestamptz NOT NULL,
    instrument integer NOT NULL REFERENCES market_data.instruments (id),
    period interval NOT NULL CHECK (period > interval '0'),
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    volume numeric NOT NULL CHECK (volume >= 0),
    PRIMARY KEY (instrument, period, at),
    CHECK (low <= least(open, close)),
    CHECK (high >= greatest(open, close))
);
COMMENT ON COLUMN market_data.bars.at IS 'When the bar opens.';

CREATE TABLE IF NOT EXISTS market_data.book_changes (
    at timestamptz NOT NULL,
    instrument integer NOT NULL REFERENCES market_data.instruments (id),
    sequence bigint NOT NULL CHECK (sequence >= 0),
    side "char" NOT NULL CHECK (side IN ('b', 'a')),
    level smallint NOT NULL CHECK (level BETWEEN 0 AND 999),
    price numeric NOT NULL,
    size numeric NOT NULL CHECK (size >= 0),
    snapshot boolean NOT NULL DEFAULT false,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (instrument, at, sequence, side, level)
);
COMMENT ON TABLE market_data.book_changes IS 'Order book by price level: a size of 0 removes the level, rows of a snapshot replace the whole book.';

CREATE INDEX IF NOT EXISTS trades_by_time ON market_data.trades (at DESC);
CREATE INDEX IF NOT EXISTS quotes_by_time ON market_data.quotes (at DESC);
CREATE INDEX IF NOT EXISTS bars_by_time ON market_data.bars (at DESC);
CREATE INDEX IF NOT EXISTS book_changes_by_time ON market_data.book_changes (at DESC);
CREATE INDEX IF NOT EXISTS book_snapshots ON market_data.book_changes (instrument, at DESC) WHERE snapshot;

-- The bootstrap makes this role; it logs nobody in. Grant it to people who read.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'market_reader') THEN
        GRANT USAGE ON SCHEMA market_data TO market_reader;
        GRANT SELECT ON ALL TABLES IN SCHEMA market_data TO market_reader;
        ALTER DEFAULT PRIVILEGES IN SCHEMA market_data GRANT SELECT ON TABLES TO market_reader;
    END IF;
END
$$;
