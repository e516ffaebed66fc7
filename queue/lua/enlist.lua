-- Puts visitors on the waiting list, under the number that they have in line: they
-- keep their place there and need not come back for it.
--
-- ARGV[3]  'asked': only somebody in line under that very number
--          'kept': as the ledger has it, for a room that Redis lost; wherever they are in line
--          'all': as 'kept', and these are the last of them
-- ARGV[4..] pairs: visitor, number
--
-- Returns {'ok', now, epoch, version, position, ...}: how many on the list have a number up to
-- that, for each; 0: nobody was put on it.

local reply = {'ok', now, r.epoch, 0}
local asked, wrote = ARGV[3] == 'asked', false

-- enlist takes somebody out of line, if that is where they are.
local function enlist(visitor, number)
  local place = tonumber(redis.call('ZSCORE', WAITING, visitor) or nil)
  local back = tonumber(redis.call('ZSCORE', RETURNED, visitor) or nil)
  if asked and (place or back) ~= number or place and place <= r.head then
    return false -- they have no such place, or were called
  elseif not asked and (redis.call('ZSCORE', ACTIVE, visitor) or redis.call('GETBIT', FINISHED, text(number)) == 1) then
    return false
  end
  if place or back then
    redis.call('ZREM', WAITING, visitor)
    redis.call('ZREM', RETURNED, visitor)
    bit(PRESENT, place or back, 0)
  end
  redis.call('ZREM', AWAY, visitor)
  redis.call('HDEL', CALLED, visitor)
  redis.call('ZADD', LIST, text(number), visitor)
  bit(RESTORED, number, 1) -- an older epoch's token puts nobody back in line beside it
  return true
end

for i = 4, #ARGV, 2 do
  local visitor, number = ARGV[i], tonumber(ARGV[i + 1])
  local listed = tonumber(redis.call('ZSCORE', LIST, visitor) or nil)
  if not listed and enlist(visitor, number) then
    listed, wrote = number, true
  end
  reply[#reply + 1] = listed and redis.call('ZCOUNT', LIST, '-inf', text(listed)) or 0
end
if ARGV[3] == 'all' and r.list_due == 1 then
  set('list_due', 0)
  wrote = true
end
if wrote then
  changed()
end
reply[4] = r.version
return reply
