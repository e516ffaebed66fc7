-- Ends a visitor's place: they bought, or left. It names the number, so that a late
-- message about an earlier admission cannot end a newer one.
--
-- ARGV[3]  visitor
-- ARGV[4]  number; 0: whatever place the visitor has
-- ARGV[5]  'finished' or 'left'
--
-- Returns {'ok', now, epoch, version, ended}: the number of the place that ended; 0 if
-- there was none.

local visitor, number, why = ARGV[3], tonumber(ARGV[4]), ARGV[5]

local place = tonumber(redis.call('ZSCORE', WAITING, visitor) or 0)
local c = called(visitor)
local current = place > 0 and place or (c and c.number) or 0
local ended = 0

if current > 0 and (number == 0 or number == current) then
  ended = current
  number = current
  if redis.call('ZREM', ACTIVE, visitor) == 1 then
    add(why, 1)
  elseif redis.call('ZREM', WAITING, visitor) == 1 or (c and c.misses == 0) then
    add('left_waiting', 1)
  end
  redis.call('ZREM', AWAY, visitor)
  redis.call('HDEL', CALLED, visitor)
  redis.call('SETBIT', PRESENT, text(number), 0)
end
if number > 0 then
  redis.call('SETBIT', FINISHED, text(number), 1)
  changed()
end
return {'ok', now, r.epoch, r.version, ended}
