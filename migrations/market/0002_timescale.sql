-- Hypertables, compression, retention and one-minute bars from trades. Needs TimescaleDB and 0001_market_data.sql; may be repeated.
-- Chunks are sized so that those being written, with their indexes, stay within a quarter of a 16 GiB node's memory at some ten thousand
-- rows a second. Retention drops whole chunks; what must be kept longer is in pgBackRest's repository, or belongs in bars.

SELECT create_hypertable('market_data.trades', 'at', chunk_time_interval => INTERVAL '1 day', if_not_exists => TRUE, migrate_data => TRUE);
SELECT create_hypertable('market_data.quotes', 'at', chunk_time_interval => INTERVAL '6 hours', if_not_exists => TRUE, migrate_data => TRUE);
SELECT create_hypertable('market_data.bars', 'at', chunk_time_interval => INTERVAL '30 days', if_not_exists => TRUE, migrate_data => TRUE);
SELECT create_hypertable('market_data.book_changes', 'at', chunk_time_interval => INTERVAL '3 hours', if_not_exists => TRUE, migrate_data => TRUE);

-- Only once: with compressed chunks, TimescaleDB refuses to be told again.
DO $$
BEGIN
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'market_data' AND hypertable_name = 'trades') THEN
        ALTER TABLE market_data.trades SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'instrument', timescaledb.compress_orderby = 'at DESC, trade_id');
    END IF;
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'market_data' AND hypertable_name = 'quotes') THEN
        ALTER TABLE market_data.quotes SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'instrument', timescaledb.compress_orderby = 'at DESC, sequence DESC');
    END IF;
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'market_data' AND hypertable_name = 'bars') THEN
        ALTER TABLE market_data.bars SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'instrument, period', timescaledb.compress_orderby = 'at DESC');
    END IF;
    IF NOT (SELECT compression_enabled FROM timescaledb_information.hypertables
            WHERE hypertable_schema = 'market_data' AND hypertable_name = 'book_changes') THEN
        ALTER TABLE market_data.book_changes SET (
            timescaledb.compress, timescaledb.compress_segmentby = 'instrument, side',
            timescaledb.compress_orderby = 'at DESC, sequence DESC, level');
    END IF;
END
$$;

SELECT add_compression_policy('market_data.trades', compress_after => INTERVAL '2 days', if_not_exists => TRUE);
SELECT add_compression_policy('market_data.quotes', compress_after => INTERVAL '1 day', if_not_exists => TRUE);
SELECT add_compression_policy('market_data.bars', compress_after => INTERVAL '60 days', if_not_exists => TRUE);
SELECT add_compression_policy('market_data.book_changes', compress_after => INTERVAL '12 hours', if_not_exists => TRUE);

CREATE MATERIALIZED VIEW IF NOT EXISTS market_data.trade_bars
WITH (timescaledb.continuous) AS
SELECT time_bucket(INTERVAL '1 minute', at) AS minute,
    instrument,
    first(price, at) AS open,
    max(price) AS high,
    min(price) AS low,
    last(price, at) AS close,
    sum(size) AS volume,
    count(*) AS trades
FROM market_data.trades
GROUP BY minute, instrument
WITH NO DATA;

-- Its window ends well before trades are dropped, so that no refresh empties a minute whose trades are gone.
SELECT add_continuous_aggregate_policy('market_data.trade_bars', start_offset => INTERVAL '1 day', end_offset => INTERVAL '1 minute',
    schedule_interval => INTERVAL '1 minute', if_not_exists => TRUE);

SELECT add_retention_policy('market_data.trades', drop_after => INTERVAL '365 days', if_not_exists => TRUE);
SELECT add_retention_policy('market_data.quotes', drop_after => INTERVAL '90 days', if_not_exists => TRUE);
SELECT add_retention_policy('market_data.book_changes', drop_after => INTERVAL '30 days', if_not_exists => TRUE);
