-- Gives visitors a place at the end of the line, many in one call. Who has a
-- place keeps it.
--
-- ARGV[3..] pairs: visitor, '1' if the visitor was made up for this join (then
--           only a join sent twice can be in the way), else '0'
--
-- Returns {'ok', now, epoch, version, generation, code, number, code, number, ...}, a
-- pair a visitor in the order asked:
--   'joined'  a new number
--   'known'   has a place already (waiting, away or inside), under that number
--   'closed'  the show's queue is not open
--   'full'    max_waiting people keep a place already
--   'ceiling' the numbers reserved in MySQL are used up

local reply = {'ok', now, r.epoch, 0, r.generation}
local issued = r.issued
local vacant = math.huge
if r.max_waiting > 0 then
  vacant = r.max_waiting - redis.call('ZCARD', WAITING)
end

for i = 3, #ARGV, 2 do
  local visitor, fresh = ARGV[i], ARGV[i + 1] == '1'
  local code, number = nil, tonumber(redis.call('ZSCORE', WAITING, visitor) or nil)
  if number then
    code = 'known'
  elseif not fresh then
    local c = called(visitor)
    local deadline = c and tonumber(redis.call('ZSCORE', ACTIVE, visitor) or redis.call('ZSCORE', AWAY, visitor) or 0)
    if c and deadline > now then
      code, number = 'known', c.number
    elseif c then
      -- What is over makes room for the new place.
      if redis.call('ZSCORE', ACTIVE, visitor) then
        lapse(visitor)
      end
      redis.call('ZREM', AWAY, visitor)
      redis.call('HDEL', CALLED, visitor)
    end
  end
  if not code then
    if r.phase ~= 'open' then
      code = 'closed'
    elseif vacant < 1 then
      code = 'full'
    elseif issued >= r.ceiling then
      code = 'ceiling'
    else
      issued = issued + 1
      vacant = vacant - 1
      code, number = 'joined', issued
      redis.call('ZADD', WAITING, text(issued), visitor)
      heard(issued)
    end
  end
  reply[#reply + 1] = code
  reply[#reply + 1] = number or 0
end

if issued > r.issued then
  add('joined', issued - r.issued)
  set('issued', issued)
  changed()
end
reply[4] = r.version
return reply
