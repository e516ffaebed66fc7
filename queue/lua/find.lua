-- Says how it stands with one place, and changes nothing: for operators who look.
--
-- ARGV[3]  visitor; '' when only the number is known
-- ARGV[4]  number; 0 when only the visitor is known
--
-- Returns {'ok', now, epoch, version, state, visitor, number, position, until, missed,
--          present, preferred}:
--   state     'lobby'     waits for the draw
--             'waiting'   in line, and not called yet
--             'returned'  in line again after having been called; position: among those
--             'listed'    on the waiting list; position: on it
--             'invited'   called, and may claim until then
--             'admitted'  inside until then
--             'passed'    was absent when called, and may come back until then
--             'missed'    did not claim in time, and may come back until then
--             'away'      missed again, and may come back until then
--             'called'    was called; by the number alone nothing more can be said
--             'finished'  bought, or left
--             'expired'   away or inside too long
--             'older'     of an older generation
--             'none'      nothing is known of it
--   visitor   '' when not known
--   position  0 where it says nothing
--   until     (us); 0 for none
--   missed    how often they were called and did not come
--   present   1: counted as there
--   preferred 1: an operator calls them before their turn

local visitor, number = ARGV[3], tonumber(ARGV[4])

local function reply(state, position, till, missed)
  local present = 0
  if number > 0 and number <= r.issued then
    present = redis.call('GETBIT', PRESENT, text(number))
  end
  -- An older place of theirs may have been meant.
  local preferred = (state == 'waiting' or state == 'returned')
    and tonumber(redis.call('ZSCORE', PREFERRED, visitor) or nil) == number and 1 or 0
  return {'ok', now, r.epoch, r.version, state, visitor, number, position, till, missed, present, preferred}
end

if visitor == '' then
  for _, key in ipairs({WAITING, RETURNED, LIST}) do
    visitor = redis.call('ZRANGEBYSCORE', key, text(number), text(number), 'LIMIT', 0, 1)[1] or visitor
  end
end

local function placed(key)
  return tonumber(redis.call('ZSCORE', key, visitor) or nil)
end

local waits, back, listed, since = placed(WAITING), placed(RETURNED), placed(LIST), placed(LOBBY)
local c = called(visitor)
local current = waits or back or listed or (c and c.number)
if number > 0 and current and current ~= number then
  -- An earlier place of somebody who has joined again: what they have now is another.
  waits, back, listed, since, c = nil, nil, nil, nil, nil
elseif current then
  number = current
end
local missed = c and c.misses or 0

if c then
  local deadline = placed(ACTIVE) or 0
  if deadline > now then
    return reply(c.session > 0 and 'admitted' or 'invited', 0, deadline, missed)
  end
  local till = placed(AWAY) or 0
  if till > now then
    return reply('away', 0, till, missed)
  end
end
if listed then
  return reply('listed', redis.call('ZCOUNT', LIST, '-inf', text(listed)), 0, missed)
elseif back then
  return reply('returned', redis.call('ZCOUNT', RETURNED, '-inf', text(back)), 0, missed)
elseif waits and waits > r.head then
  return reply('waiting', 0, 0, 0)
elseif waits then
  local row = parse(redis.call('ZRANGEBYSCORE', CALLS, text(waits), '+inf', 'LIMIT', 0, 1)[1])
  local invited = redis.call('GETBIT', INVITED, text(waits)) == 1
  if invited and now < row.claim_by then
    return reply('invited', 0, row.claim_by, 0)
  elseif invited or redis.call('GETBIT', MISSED, text(waits)) == 1 then
    if row.missed_until > now then
      return reply('missed', 0, row.missed_until, 1)
    end
    return reply('expired', 0, 0, 1)
  elseif row.passed_until > now then
    return reply('passed', 0, row.passed_until, 0)
  end
  return reply('expired', 0, 0, 0)
elseif number == 0 then
  return reply(since and since > 0 and 'lobby' or 'none', 0, 0, 0)
elseif number <= r.floor then
  return reply('older', 0, 0, 0)
elseif number > r.issued then
  return reply('none', 0, 0, 0)
elseif redis.call('GETBIT', FINISHED, text(number)) == 1 then
  return reply('finished', 0, 0, missed)
elseif visitor == '' and number <= r.head then
  return reply('called', 0, 0, 0)
end
return reply('expired', 0, 0, missed)
