-- Has a device take over the place that a code was given for, once: from now on only proofs
-- made for this device speak for the visitor. Wrong tries are counted by visitor, by
-- address and for the whole show (GCRA, as in lua/limits.lua); while there were too
-- many, the right code does not count either.
--
-- ARGV[3]  code
-- ARGV[4]  visitor who asks
-- ARGV[5]  address they ask from; '-' when not known
-- ARGV[6..] three pairs, of visitor, address and show: how often a wrong try is to be had
--           (us), and how many at once
--
-- Returns {'ok', now, epoch, version, code, since, visitor, place}:
--   'moved'    since: when (us), which is later than any move before; the visitor who moved,
--              and what was kept of the place
--   'unknown'  nobody was given such a code, or long ago
--   'expired', 'used'  somebody was, but it is over
--   'limited'  instead of the time, how long to wait (us)

local code = ARGV[3]
local wait, drawn = 0, {}
for i, member in ipairs({'w:v:' .. ARGV[4], 'w:a:' .. ARGV[5], 'w:s'}) do
  local each, burst = tonumber(ARGV[4 + 2 * i]), tonumber(ARGV[5 + 2 * i])
  if member ~= 'w:a:-' then
    local at = math.max(now, until_when(member))
    wait = math.max(wait, at - now - (burst - 1) * each)
    drawn[member] = at + each
  end
end
if wait > 0 then
  return {'ok', now, r.epoch, r.version, 'limited', wait, '', ''}
end

local till = tonumber(redis.call('ZSCORE', CODES, code) or 0)
local visitor, place = string.match(redis.call('HGET', OFFERS, code) or '', '^(%S+) (.*)$')
if not visitor or till <= now then
  for member, at in pairs(drawn) do
    limits[member] = at
  end
  keep_limits()
  changed()
  local why = till == 0 and 'unknown' or visitor and 'expired' or 'used'
  return {'ok', now, r.epoch, r.version, why, 0, '', ''}
end

redis.call('HSET', OFFERS, code, '')
redis.call('HDEL', OFFERS, visitor)
local last = tonumber(redis.call('ZREVRANGE', MOVED, 0, 0, 'WITHSCORES')[2] or 0)
local since = math.max(now, last + 1, tonumber(string.match(place, '^%d+')) + 1)
redis.call('ZADD', MOVED, text(since), visitor)
changed()
return {'ok', now, r.epoch, r.version, 'moved', since, visitor, place}
