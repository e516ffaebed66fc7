-- Ends a visitor's place: they bought, or left. It names the number, so that a late
-- message about an earlier admission cannot end a newer one.
--
-- ARGV[3]  visitor
-- ARGV[4]  number; 0: whatever place the visitor has
-- ARGV[5]  'finished' or 'left'
--
-- Returns {'ok', now, epoch, version, ended, listed}: the number of the place that ended, 0
-- if there was none; and 1 if it was on the waiting list.

local visitor, number, why = ARGV[3], tonumber(ARGV[4]), ARGV[5]

local place = tonumber(redis.call('ZSCORE', WAITING, visitor) or redis.call('ZSCORE', RETURNED, visitor) or 0)
local listed = tonumber(redis.call('ZSCORE', LIST, visitor) or 0)
local c = called(visitor)
place = math.max(place, listed)
local current = place > 0 and place or (c and c.number) or 0
local ended = 0

-- out says under which total the place ends; nil: it was counted as missed before.
local function out()
  if redis.call('ZREM', ACTIVE, visitor) == 1 then
    redis.call('ZREM', HOLDING, visitor)
    return why
  elseif redis.call('ZREM', LIST, visitor) == 1 then
    return 'left_waiting'
  elseif not c and place <= r.head then
    local how = standing(place)
    part(visitor, place)
    if how == 'invited' then
      uninvite(place)
      return why
    end
    return how == 'passed' and 'left_waiting' or nil
  end
  redis.call('ZREM', WAITING, visitor)
  redis.call('ZREM', RETURNED, visitor)
  if c and c.misses > 0 then
    return nil
  end
  return 'left_waiting'
end

if current > 0 and (number == 0 or number == current) then
  ended = current
  number = current
  local total = out()
  if total then
    add(total, 1)
  end
  redis.call('ZREM', AWAY, visitor)
  redis.call('HDEL', CALLED, visitor)
  bit(PRESENT, number, 0)
end
if current == 0 and r.draw == 'frozen' then
  redis.call('ZADD', LOBBY, 'XX', 0, visitor) -- what is frozen stays; the number will be done
  changed()
elseif current == 0 and redis.call('ZREM', LOBBY, visitor) == 1 then
  changed()
end
if number > 0 then
  bit(FINISHED, number, 1)
  changed()
end
return {'ok', now, r.epoch, r.version, ended, ended > 0 and ended == listed and 1 or 0}
