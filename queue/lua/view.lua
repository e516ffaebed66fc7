-- Reads what a gateway needs to answer every poll of the next second by itself.
--
-- ARGV[3]  the last move that the caller knows of (us)
--
-- Returns {'ok', now, epoch, version, waiting, returned, active, away, first,
--          bits, room, waits, lobby, holding, listed,
--          untold, moved, copy}:
--   waiting   how many keep a place in line
--   returned  how many of them were called before, and came back
--   active    how many are inside, claimed or not
--   away      how many were called, are not inside, and may come back
--   first     number of the first bit; a multiple of 64
--   bits      present from there on, as Redis stores it (most significant bit first)
--   room      the whole hash, flat
--   waits     the whole hash, flat
--   lobby     how many wait for the draw
--   holding   how many of those inside hold seats
--   listed    how many are on the waiting list
--   untold    how many were called from it, and nobody was told yet
--   moved     who moved to another device since, and when (us), flat; 5,000 at most
--   copy      1: another master opened the room

local first = math.floor(r.head / 64) * 64
local line = in_line()
local returned = redis.call('ZCARD', RETURNED)
return {
  'ok', now, r.epoch, r.version,
  line,
  returned,
  redis.call('ZCARD', ACTIVE) + r.invited,
  redis.call('ZCARD', AWAY) + redis.call('ZCARD', WAITING) - (line - returned) - r.invited,
  first,
  redis.call('GETRANGE', PRESENT, text(first / 8), -1),
  redis.call('HGETALL', ROOM),
  redis.call('HGETALL', WAITS),
  redis.call('ZCARD', LOBBY),
  redis.call('ZCOUNT', HOLDING, '(' .. text(now), '+inf'),
  redis.call('ZCARD', LIST),
  redis.call('ZCARD', UNTOLD),
  redis.call('ZRANGEBYSCORE', MOVED, '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, 5000),
  is_copy() and 1 or 0,
}
