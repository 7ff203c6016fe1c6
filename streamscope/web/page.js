// What the page does besides showing the terminal: hand it the keys as soon as it is there, and begin again.
document.addEventListener("DOMContentLoaded", () => {
  new MutationObserver((_, observer) => {
    if (!document.body.classList.contains("-first-byte")) return;
    observer.disconnect();
    document.querySelector(".xterm-helper-textarea")?.focus();
  }).observe(document.body, { attributes: true, attributeFilter: ["class"] });
});
document.addEventListener("click", (event) => {
  if (event.target.classList.contains("again")) window.location.reload();
});
