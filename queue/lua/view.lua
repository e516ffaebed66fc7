-- Reads what a gateway needs to answer every poll of the next second by itself.
--
-- Returns {'ok', now, epoch, version, waiting, returned, active, away, first,
--          bits, room, waits}:
--   waiting   how many keep a place in line
--   returned  how many of them wait at or below the head (called before, and back)
--   first     number of the first bit; a multiple of 64
--   bits      present from there on, as Redis stores it (most significant bit first)
--   room      the whole hash, flat
--   waits     the whole hash, flat

local first = math.floor(r.head / 64) * 64
return {
  'ok', now, r.epoch, r.version,
  redis.call('ZCARD', WAITING),
  redis.call('ZCOUNT', WAITING, '-inf', text(r.head)),
  redis.call('ZCARD', ACTIVE),
  redis.call('ZCARD', AWAY),
  first,
  redis.call('GETRANGE', PRESENT, text(first / 8), -1),
  redis.call('HGETALL', ROOM),
  redis.call('HGETALL', WAITS),
}
