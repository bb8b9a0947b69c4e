// Runs before the first paint, so that a chosen theme or language does not flash.
(() => {
  const root = document.documentElement;
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // storage is switched off: the defaults serve
    }
  };
  const theme = read("dou.theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const language = read("dou.language") ?? navigator.language;
  root.lang = language.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
})();
