-- A day's work with lua5.4. Prints the same on Linux.
print(_VERSION, 7 // 2, 7 / 2, 1 << 40, 10 % 3)
local t = {}
for i = 1, 1000 do t[i] = (i * 7919) % 1009 end
table.sort(t); print(t[1], t[500], t[1000], #t)
local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1); coroutine.yield(a + b) end)
print(co(1), co(10))
print(("hello world"):gsub("o", "0"), ("%5.2f|%q"):format(3.14159, "a\nb"), ("key=val"):match("(%w+)=(%w+)"))
local f = assert(io.open("lua.txt", "w")); for i = 1, 100 do f:write(i, "\n") end; f:close()
local sum = 0; for line in io.lines("lua.txt") do sum = sum + line end; print(sum)
local p = io.popen("echo from a pipe; exit 3"); print(p:read("a"), p:close())
print(os.execute("exit 4")); print(os.getenv("HOME") ~= nil, os.time{year=1970, month=1, day=2, hour=0} ~= nil, os.remove("lua.txt"))
print(select(2, pcall(error, {code = 2})).code); print(select('#', table.unpack({1, nil, 3}, 1, 3)))
setmetatable(t, {__index = function(_, k) return k .. "?" end}); print(t.x, #arg)
collectgarbage(); print(string.rep("ab", 3, ","), utf8.char(228, 8364), math.maxinteger, math.type(1.0))
print("day done")
