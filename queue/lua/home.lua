-- Refuses to work on a copy. So its version says what of the room it has, until it is adopted.
if is_copy() then
  return {'copy', now}
end

