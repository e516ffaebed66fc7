-- Keeps a code with which another device may take over a visitor's place. A visitor has
-- one at a time: a new one takes the place of the last.
--
-- ARGV[3]  code
-- ARGV[4]  visitor
-- ARGV[5]  what the other device must know of the place, first when the visitor moved last (us)
-- ARGV[6]  how long the code is good (us)
--
-- Returns {'ok', now, epoch, version, until}: until when it is good (us); 0: it is taken, by
-- somebody else's or one that is not forgotten yet.

local code, visitor, life = ARGV[3], ARGV[4], tonumber(ARGV[6])

-- A code is remembered as long again as it was good, so that whoever is late is told so.
for _, old in ipairs(redis.call('ZRANGEBYSCORE', CODES, '-inf', text(now - life), 'LIMIT', 0, 100)) do
  local of = string.match(redis.call('HGET', OFFERS, old) or '', '^%S+')
  if of and redis.call('HGET', OFFERS, of) == old then
    redis.call('HDEL', OFFERS, of)
  end
  redis.call('HDEL', OFFERS, old)
  redis.call('ZREM', CODES, old)
end

if redis.call('ZSCORE', CODES, code) then
  return {'ok', now, r.epoch, r.version, 0}
end
local last = redis.call('HGET', OFFERS, visitor)
if last then
  redis.call('HDEL', OFFERS, last)
  redis.call('ZREM', CODES, last)
end
redis.call('ZADD', CODES, text(now + life), code)
redis.call('HSET', OFFERS, code, visitor .. ' ' .. ARGV[5], visitor, code)
changed()
return {'ok', now, r.epoch, r.version, now + life}
