-- Closes the lobby at the start of the sale: whoever is in it will be drawn, and who
-- comes from now on gets a number behind all of them. Nobody is let in before the
-- drawn have their numbers. A lobby that is stored already takes the place of
-- whatever Redis has, so that a room that was lost goes on where the draw was.
--
-- ARGV[3]  generation
-- ARGV[4]  first of the numbers that are kept for the drawn
-- ARGV[5]  how many are kept; the ceiling is above them
-- ARGV[6]  epoch of the stored lobby; 0: none is stored
-- ARGV[7]  how many are in the stored lobby
--
-- Returns {'ok', now, epoch, version, code, first, count, of}:
--   'frozen'   count visitors will have the numbers from first on; `of` is the epoch
--              of their lobby. Asking again says the same
--   'numbered' the draw is over
--   'early'    it is not time, or tokens still put places back
--   'crowded'  count visitors are there, more than numbers are kept
--   'closed'   the show is not in its lobby, or of another generation

local first, kept, of, count = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local code

if tonumber(ARGV[3]) ~= r.generation then
  code = 'closed'
elseif r.draw == 'numbered' then
  code = 'numbered'
elseif r.draw == 'frozen' and (of == 0 or of == r.draw_epoch) then
  code, first, count, of = 'frozen', r.draw_first, r.draw_count, r.draw_epoch
elseif r.phase ~= 'lobby' then
  code = 'closed'
elseif of == 0 and (r.starts_at == 0 or now < r.starts_at or halted()) then
  code = 'early'
else
  if of == 0 then
    of, count = r.epoch, redis.call('ZCARD', LOBBY)
  end
  if count > kept then
    code = 'crowded'
  else
    code = 'frozen'
    redis.call('HSET', ROOM, 'draw', code)
    set('draw_first', first)
    set('draw_count', count)
    set('draw_cursor', 0)
    set('draw_epoch', of)
    set('issued', math.max(r.issued, first + count - 1))
    set('ceiling', math.max(r.ceiling, r.issued))
    changed()
  end
end
return {'ok', now, r.epoch, r.version, code, first, count, of}
